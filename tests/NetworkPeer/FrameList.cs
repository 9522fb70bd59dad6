using System.Runtime.InteropServices;

namespace Xenlet.NetworkPeer;

/// <summary>
/// Frames in memory that Linux reads at once, many by one call (<c>man 2 sendmmsg</c>): in dom0 a call costs more than a frame.
/// </summary>
internal sealed unsafe class FrameList : IDisposable
{
    private readonly MessageHeader* _headers;
    private readonly Vector* _vectors;
    private readonly byte* _bytes;

    public FrameList(byte[][] frames)
    {
        Count = frames.Length;
        _headers = (MessageHeader*)NativeMemory.AllocZeroed((nuint)Count, (nuint)sizeof(MessageHeader));
        _vectors = (Vector*)NativeMemory.AllocZeroed((nuint)Count, (nuint)sizeof(Vector));
        _bytes = (byte*)NativeMemory.Alloc((nuint)frames.Sum(frame => frame.Length));
        byte* next = _bytes;
        for (int i = 0; i < Count; i++)
        {
            frames[i].CopyTo(new Span<byte>(next, frames[i].Length));
            _vectors[i] = new Vector { Bytes = next, Length = (nuint)frames[i].Length };
            _headers[i].Vectors = &_vectors[i];
            _headers[i].VectorCount = 1;
            next += frames[i].Length;
        }
    }

    public int Count { get; }

    /// <summary>The headers from a frame on.</summary>
    public MessageHeader* From(int index) => &_headers[index];

    public void Dispose()
    {
        NativeMemory.Free(_headers);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_bytes);
    }

    /// <summary>struct iovec.</summary>
    public struct Vector
    {
        public byte* Bytes;
        public nuint Length;
    }

    /// <summary>struct mmsghdr with the struct msghdr in it (bits/socket.h).</summary>
    public struct MessageHeader
    {
        public void* Name;
        public ulong NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public ulong Flags;
        public ulong Sent;
    }
}
