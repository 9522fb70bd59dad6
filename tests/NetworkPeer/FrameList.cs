using System.Runtime.InteropServices;

namespace Xenlet.NetworkPeer;

/// <summary>
/// Frames in memory that Linux reads at once, many by one call (<c>man 2 sendmmsg</c>): in dom0 a call costs more than a frame.
/// </summary>
internal sealed unsafe class FrameList : IDisposable
{
    private readonly MessageEntry* _messages;
    private readonly IoVector* _vectors;
    private readonly byte* _bytes;

    public FrameList(byte[][] frames)
    {
        Count = frames.Length;
        _messages = (MessageEntry*)NativeMemory.AllocZeroed((nuint)Count, (nuint)sizeof(MessageEntry));
        _vectors = (IoVector*)NativeMemory.AllocZeroed((nuint)Count, (nuint)sizeof(IoVector));
        _bytes = (byte*)NativeMemory.Alloc((nuint)frames.Sum(frame => frame.Length));
        byte* next = _bytes;
        for (int i = 0; i < Count; i++)
        {
            frames[i].CopyTo(new Span<byte>(next, frames[i].Length));
            _vectors[i] = new IoVector { Base = next, Length = (nuint)frames[i].Length };
            _messages[i].Header.Vectors = &_vectors[i];
            _messages[i].Header.VectorCount = 1;
            next += frames[i].Length;
        }
    }

    public int Count { get; }

    /// <summary>What <c>sendmmsg</c> takes, from a frame on.</summary>
    public MessageEntry* From(int index) => &_messages[index];

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_bytes);
    }
}
