using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform.Random;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>
/// The value that compiled C#, nucleus and program, stores behind the buffers on its stack and checks before it returns. The runtime would
/// use the milliseconds since boot, which anybody can guess.
/// </summary>
internal static unsafe class StackCookie
{
    /// <summary>
    /// Draws the value. No function with a buffer may be on the stack now: it would still hold the old value and panic when it returns.
    /// This method has no buffer, and the one that computes the number has returned before it is stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Draw() => *Image.StackCookie = RandomNumbers.Next();
}
