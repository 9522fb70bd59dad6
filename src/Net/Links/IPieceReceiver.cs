namespace Xenlet.Net;

/// <summary>Takes bytes that lie in several places.</summary>
public interface IPieceReceiver
{
    /// <summary>Copies the bytes, once and in order. The pieces are the caller's again when it returns.</summary>
    /// <returns>Whether they were taken.</returns>
    bool TryReceive(ReadOnlySpan<ReadOnlyMemory<byte>> pieces);
}
