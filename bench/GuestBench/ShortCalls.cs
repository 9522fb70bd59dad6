using System.Runtime.InteropServices;

namespace Xenlet.GuestBench;

/// <summary>System calls that have something to look up and nothing to do.</summary>
internal sealed unsafe class ShortCalls : IDisposable
{
    private readonly int _reader;
    private readonly int _writer;

    public ShortCalls()
    {
        int* ends = stackalloc int[2];
        if (NativeMethods.MakePipe(ends, 0) != 0)
        {
            throw new InvalidOperationException($"pipe2 failed with errno {Marshal.GetLastSystemError()}.");
        }

        (_reader, _writer) = (ends[0], ends[1]);
    }

    /// <summary>Wake-ups by a futex that no thread waits for.</summary>
    public static void WakeNobody(long operations)
    {
        int word = 0;
        for (long i = 0; i < operations; i++)
        {
            NativeMethods.FutexWakeNobody(&word);
        }
    }

    /// <summary>Writes of no bytes to a pipe.</summary>
    public void WriteNothing(long operations)
    {
        byte nothing = 0;
        for (long i = 0; i < operations; i++)
        {
            _ = NativeMethods.Write(_writer, &nothing, 0);
        }
    }

    public void Dispose()
    {
        _ = NativeMethods.Close(_reader);
        _ = NativeMethods.Close(_writer);
    }
}
