namespace Xenlet.Samples;

/// <summary>Takes a frame that is to be sent; its bytes are good until the call returns.</summary>
internal delegate void FrameSender(ReadOnlySpan<byte> frame);

/// <summary>Where frames are made, one after the other in the same memory.</summary>
/// <param name="own">The address of the interface.</param>
/// <param name="mtu">Most bytes of a frame behind its header.</param>
/// <param name="send">Takes each frame.</param>
internal sealed class Outbox(byte[] own, int mtu, FrameSender send)
{
    private readonly byte[] _frame = new byte[Ethernet.HeaderLength + mtu];

    public ReadOnlySpan<byte> Own => own;

    public int Mtu => mtu;

    /// <summary>Begins a frame: the room for its packet.</summary>
    public Span<byte> Begin(ReadOnlySpan<byte> destination, ushort type)
    {
        Ethernet.WriteHeader(_frame, destination, own, type);
        return _frame.AsSpan(Ethernet.HeaderLength);
    }

    /// <summary>Sends the frame whose packet has so many bytes.</summary>
    public void Send(int length) => send(_frame.AsSpan(0, Ethernet.HeaderLength + length));
}
