using System.Runtime.CompilerServices;

// Zeroing a large local is a call of memset through a transition, which the nucleus may not make; its stack buffers are written before they
// are read.
[module: SkipLocalsInit]
