using System.Security.Cryptography;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>The system's random numbers.</summary>
internal sealed class StackRandom : IRandomSource
{
    /// <inheritdoc/>
    public void Fill(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);
}
