"""A video frame -> character cells -> the bytes a terminal needs. Pure: no Textual, no asyncio."""
