"""CryptoX: any question with some of its words in code."""
