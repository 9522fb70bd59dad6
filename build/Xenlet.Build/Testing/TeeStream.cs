using Xenlet.Symbols;

namespace Xenlet.Build;

/// <summary>A stream that writes to two streams.</summary>
/// <param name="first">Owned by its creator.</param>
/// <param name="second">Owned by its creator.</param>
internal sealed class TeeStream(Stream first, Stream second) : WriteOnlyStream
{
    /// <inheritdoc/>
    public override void Flush()
    {
        first.Flush();
        second.Flush();
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        first.Write(buffer, offset, count);
        second.Write(buffer, offset, count);
    }
}
