//! Keys, key ids, signatures, the one threshold, and the proof type Authentic.
