using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform.Random;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>
/// The word that compiled C#, nucleus and program, puts behind the buffers on its stack and looks at before it returns. The runtime would
/// take the milliseconds since boot
/// for it, which everybody can guess.
/// </summary>
internal static unsafe class StackCookie
{
    /// <summary>
    /// Draws it. No function that has a buffer may be on the stack now: it has the old value, and would be a panic when it returns. So
    /// this one has none, and what fills the
    /// number has returned when it is stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Draw() => *Image.StackCookie = RandomNumbers.Next();
}
