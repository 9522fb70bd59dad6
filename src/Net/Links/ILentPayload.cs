namespace Xenlet.Net;

/// <summary>
/// A payload whose bytes are in memory that somebody else may write, such as the pages in which a device has delivered them. Each byte is
/// to be copied once, and only the copy to be looked at.
/// </summary>
public interface ILentPayload : IPacketPayload
{
    /// <summary>Hands bytes to a receiver from where they lie.</summary>
    /// <param name="first">What comes before them.</param>
    /// <param name="offset">Where they begin, behind the payload's first byte.</param>
    /// <param name="count">How many there are; all of them are there.</param>
    /// <param name="receiver">Gets all pieces in one call.</param>
    /// <returns>What the receiver answers.</returns>
    bool Lend(ReadOnlyMemory<byte> first, int offset, int count, IPieceReceiver receiver);
}
