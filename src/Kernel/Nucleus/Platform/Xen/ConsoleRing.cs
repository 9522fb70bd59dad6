using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>The guest's side of the console's shared page: input that the back end writes, and output that the guest writes.</summary>
/// <remarks>
/// The back end is not trusted. The guest's two indexes are kept here and only published to the page; the back end's two are checked at
/// every use. A difference that no honest back end produces is reported, and the ring is then never touched again.
/// </remarks>
internal unsafe struct ConsoleRing
{
    private readonly xencons_interface* _page;
    private uint _inputConsumed;
    private uint _outputProduced;
    private bool _isBroken;

    // The back end's indexes at the last TakeProgress.
    private uint _seenInputProduced;
    private uint _seenOutputConsumed;

    /// <summary>Attaches to the page and continues from its indexes, since part of a session may already be past.</summary>
    public ConsoleRing(xencons_interface* page)
    {
        _page = page;
        _inputConsumed = Volatile.Read(ref page->in_cons);
        _outputProduced = Volatile.Read(ref page->out_prod);
        _isBroken = false;
        _seenInputProduced = _inputConsumed;
        _seenOutputConsumed = _outputProduced;
    }

    /// <summary>True once the back end's indexes were impossible.</summary>
    public readonly bool IsBroken => _isBroken;

    /// <summary>Whether the back end has moved its indexes since the last call.</summary>
    public bool TakeProgress()
    {
        uint produced = Volatile.Read(ref _page->in_prod);
        uint consumed = Volatile.Read(ref _page->out_cons);
        bool hasProgressed = produced != _seenInputProduced || consumed != _seenOutputConsumed;
        _seenInputProduced = produced;
        _seenOutputConsumed = consumed;
        return hasProgressed;
    }

    /// <summary>True when the back end has taken all output. Also true for a broken ring, which nobody should wait for.</summary>
    public bool OutputDrained => !TryOutputUsed(out uint used) || used == 0;

    /// <summary>Writes as much as there is room for and returns the number of bytes written.</summary>
    public int Write(byte* data, int length)
    {
        if (length <= 0 || !TryOutputUsed(out uint used))
        {
            return 0;
        }

        uint count = Smaller(xencons_interface.OutputSize - used, (uint)length);
        for (uint i = 0; i < count; i++)
        {
            _page->output[(_outputProduced + i) & (xencons_interface.OutputSize - 1)] = data[i];
        }

        _outputProduced += count;

        // A release store: the bytes become visible before the index that announces them.
        Volatile.Write(ref _page->out_prod, _outputProduced);
        return (int)count;
    }

    /// <summary>
    /// Reads up to <paramref name="length"/> bytes of input and returns the number of bytes read.
    /// </summary>
    public int Read(byte* data, int length)
    {
        if (length <= 0 || !TryInputUsed(out uint used))
        {
            return 0;
        }

        uint count = Smaller(used, (uint)length);
        for (uint i = 0; i < count; i++)
        {
            data[i] = _page->input[(_inputConsumed + i) & (xencons_interface.InputSize - 1)];
        }

        _inputConsumed += count;

        // The bytes must be read before the index lets the back end overwrite them.
        Interlocked.MemoryBarrier();
        Volatile.Write(ref _page->in_cons, _inputConsumed);
        return (int)count;
    }

    private bool TryOutputUsed(out uint used)
    {
        uint consumed = _isBroken ? 0 : Volatile.Read(ref _page->out_cons);
        used = _outputProduced - consumed;
        return !_isBroken && (used <= xencons_interface.OutputSize || Break("out"u8, consumed, _outputProduced));
    }

    private bool TryInputUsed(out uint used)
    {
        uint produced = _isBroken ? 0 : Volatile.Read(ref _page->in_prod);
        used = produced - _inputConsumed;
        return !_isBroken && (used <= xencons_interface.InputSize || Break("in"u8, _inputConsumed, produced));
    }

    private bool Break(ReadOnlySpan<byte> ring, uint consumed, uint produced)
    {
        _isBroken = true;
        KernelLog.Write("the console is not used any more: its back end gave impossible indexes, "u8);
        KernelLog.Write(ring);
        KernelLog.Write("_cons "u8);
        KernelLog.WriteDecimal(consumed);
        KernelLog.Write(", "u8);
        KernelLog.Write(ring);
        KernelLog.Write("_prod "u8);
        KernelLog.WriteDecimal(produced);
        KernelLog.NewLine();
        return false;
    }

    private static uint Smaller(uint left, uint right) => left < right ? left : right;
}

/// <summary>The console's shared page (io/console.h). The indexes run freely; an index modulo the size is a position.</summary>
[StructLayout(LayoutKind.Explicit, Size = 3092)]
internal unsafe struct xencons_interface
{
    /// <summary>Size of <see cref="input"/>.</summary>
    public const uint InputSize = 1024;

    /// <summary>Size of <see cref="output"/>.</summary>
    public const uint OutputSize = 2048;

    /// <summary>The header's <c>in</c>: bytes from the back end.</summary>
    [FieldOffset(0)]
    public fixed byte input[(int)InputSize];

    /// <summary>The header's <c>out</c>: bytes to the back end.</summary>
    [FieldOffset(1024)]
    public fixed byte output[(int)OutputSize];

    /// <summary>Written by the guest.</summary>
    [FieldOffset(3072)]
    public uint in_cons;

    /// <summary>Written by the back end.</summary>
    [FieldOffset(3076)]
    public uint in_prod;

    /// <summary>Written by the back end.</summary>
    [FieldOffset(3080)]
    public uint out_cons;

    /// <summary>Written by the guest.</summary>
    [FieldOffset(3084)]
    public uint out_prod;

    /// <summary>Written by newer back ends: 0 when a back end serves the console.</summary>
    [FieldOffset(3088)]
    public byte connection;
}
