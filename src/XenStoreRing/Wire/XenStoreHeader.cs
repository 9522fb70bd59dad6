using System.Buffers.Binary;

namespace Xenlet.XenStoreRing;

/// <summary>The 16-byte header of every message: <c>struct xsd_sockmsg</c> of <c>io/xs_wire.h</c>, little-endian.</summary>
/// <param name="Type">What the message asks or answers. Untrusted, so it may not be a named value.</param>
/// <param name="RequestId">Chosen by the client and echoed by the server; 0 in a watch event.</param>
/// <param name="TransactionId">The transaction that the request belongs to, or 0.</param>
/// <param name="Length">
/// The size of the payload that follows, in bytes. Untrusted, so it may be above <see cref="XenStoreLimits.MaxPayload"/>.
/// </param>
public readonly record struct XenStoreHeader(XenStoreMessageType Type, uint RequestId, uint TransactionId, uint Length)
{
    /// <summary>The size of a header in bytes.</summary>
    public const int Size = 16;

    /// <summary>Reads a header from the first <see cref="Size"/> bytes.</summary>
    public static XenStoreHeader Read(ReadOnlySpan<byte> source) => new(
        (XenStoreMessageType)BinaryPrimitives.ReadUInt32LittleEndian(source),
        BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[12..]));

    /// <summary>Writes the header to the first <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)Type);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], RequestId);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], TransactionId);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], Length);
    }
}
