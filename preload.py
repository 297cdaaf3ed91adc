"""Command-line flags; the WebUI calls this before it reads its command line."""


def preload(parser):
    """Adds the flag of what is always kept out: no request can change it, and without the extension it is an error."""
    parser.add_argument(
        "--growth-inhibitors-always",
        type=str,
        default="",
        metavar="CONCEPTS",
        help='keep these concepts out of every picture, whatever is asked for, such as "nudity=6; blood"',
    )
