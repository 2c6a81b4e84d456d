"""Measure Isthmus beside the real nats-server: `python -m bench`, or `make bench`.

__main__     which rows, how many rounds, A B A B
lab          what one run has at hand: servers, the generator, what they cost
rows/        the rows of the budget: what is prepared, what is loaded, what counts
load/        the generator, C; built when it is needed
servers · tenants · raw     both servers alike, an operator's accounts, a few requests
summary · table · pictures · page     medians, Markdown, SVG, the page in docs/internals
"""
