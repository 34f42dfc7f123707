"""Next-word prediction with the cross-entropy loss: the package behind the book.

Modules are named after their chapters and read like their mathematics; the others are the
ground that they share. Losses are in nats. Names are imported from their modules, as in
``from nwp.loss import cross_entropy``: so what is loaded is what is used, and PyTorch only
where `vocabulary` or `model` is asked for.
"""
