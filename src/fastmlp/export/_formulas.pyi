# Made by cmake/make_formulas.py when fastmlp is built: name -> (C text, the names that it uses).
PIECES: dict[str, tuple[str, list[str]]]
