namespace Xenlet.Net;

/// <summary>Where ports, identifiers and initial sequence numbers get their randomness. A test hands in one with a seed.</summary>
public interface IRandomSource
{
    /// <summary>Fills the buffer with bytes that a peer cannot predict.</summary>
    void Fill(Span<byte> buffer);
}
