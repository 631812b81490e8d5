"""The command: `python -m local.dictionary`."""

from __future__ import annotations

from pathlib import Path

from local.dictionary.page import page

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
