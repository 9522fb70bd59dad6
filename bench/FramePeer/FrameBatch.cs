using System.Runtime.InteropServices;

namespace Xenlet.NetworkPeer;

/// <summary>Memory for many frames that go over a socket in one system call.</summary>
internal sealed unsafe class FrameBatch : IDisposable
{
    /// <summary>Most frames of one call.</summary>
    public const int Size = 64;

    /// <summary>Room for one frame.</summary>
    private const int Capacity = 2048;

    private readonly byte* _frames = (byte*)NativeMemory.AlignedAlloc(Size * Capacity, 64);
    private readonly IoVector* _vectors = (IoVector*)NativeMemory.AllocZeroed(Size, (nuint)sizeof(IoVector));

    public FrameBatch()
    {
        Messages = (MessageEntry*)NativeMemory.AllocZeroed(Size, (nuint)sizeof(MessageEntry));
        new Span<byte>(_frames, Size * Capacity).Clear();
        for (int i = 0; i < Size; i++)
        {
            _vectors[i].Base = _frames + (i * Capacity);
            Messages[i].Header.Vectors = &_vectors[i];
            Messages[i].Header.VectorCount = 1;
        }
    }

    /// <summary>What <c>sendmmsg</c> and <c>recvmmsg</c> take.</summary>
    public MessageEntry* Messages { get; }

    /// <summary>A received frame.</summary>
    public ReadOnlySpan<byte> this[int index] => new(_vectors[index].Base, (int)Messages[index].Transferred);

    /// <summary>Writes one frame into all places.</summary>
    public void Fill(int length, SpanAction write)
    {
        for (int i = 0; i < Size; i++)
        {
            _vectors[i].Length = (nuint)length;
            write(new Span<byte>(_vectors[i].Base, length));
        }
    }

    /// <summary>Makes all places ready to receive.</summary>
    public void Reset()
    {
        for (int i = 0; i < Size; i++)
        {
            _vectors[i].Length = Capacity;
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_frames);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(Messages);
    }

    /// <summary>Writes a frame.</summary>
    public delegate void SpanAction(Span<byte> frame);
}
