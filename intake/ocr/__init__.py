"""OCR engines: one upright page image in, words with boxes and confidence out."""
