__version__ = "0.1.0"
#: The name this package has been imported by, wherever it lies: `gradio_client_lite`, or a copy's own.
PACKAGE = __name__.rpartition(".")[0]
