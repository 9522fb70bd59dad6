using System.Security.Cryptography;

namespace Xenlet.Net.Base;

/// <summary>The system's random numbers.</summary>
internal sealed class SystemRandom : IRandomSource
{
    /// <inheritdoc/>
    public void Fill(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);
}
