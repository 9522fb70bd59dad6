using System.Runtime.CompilerServices;

// To zero a large local, the compiler calls memset through a transition, which the nucleus may not make. The nucleus writes its stack
// buffers before it reads them.
[module: SkipLocalsInit]
