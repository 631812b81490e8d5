"""The data dictionary: what is stored, field by field, written from the types of `shared/`.

    make dictionary     writes docs/data-dictionary.md

Names and types come from the models, meanings from meanings.toml beside this file.
"""
