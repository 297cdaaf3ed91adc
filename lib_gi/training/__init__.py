"""How an adapter is made: examples with labels are searched for, then a network is fitted to them."""
