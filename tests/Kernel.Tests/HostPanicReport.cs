using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>The report of a fault on the host: an exception.</summary>
internal static class PanicReport
{
    /// <summary>A fault of the nucleus itself, or a nucleus that is stuck.</summary>
    [DoesNotReturn]
    public static unsafe void Fault(Frame* frame) => throw new PanicException($"vector {frame->Vector} in the nucleus");
}

/// <summary>The host has no image whose calls could be named.</summary>
internal static unsafe class Backtrace
{
    /// <summary>Where the calls begin that would be shown, in the log of the host.</summary>
    public static void FromFrame(Frame* frame)
    {
        Assert.True(frame != null);
        KernelLog.Write("  at "u8);
        KernelLog.WriteHex(frame->Rip);
        KernelLog.NewLine();
    }
}
