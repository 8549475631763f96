"""CryptoBench: the seven sub-benchmarks of CryptoX over its owners' base sets."""
