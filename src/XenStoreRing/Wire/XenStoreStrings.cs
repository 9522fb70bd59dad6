namespace Xenlet.XenStoreRing;

/// <summary>
/// Iterates over a payload of NUL-terminated strings. A last string without its NUL is returned too: see <see cref="IsTerminated"/>.
/// </summary>
public ref struct XenStoreStrings(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>The string found by the last <see cref="MoveNext"/>, without its NUL.</summary>
    public ReadOnlySpan<byte> Current { get; private set; }

    /// <summary>Whether <see cref="Current"/> ended with a NUL.</summary>
    public bool IsTerminated { get; private set; }

    /// <summary>What follows <see cref="Current"/> and its NUL.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>Moves to the next string; <see langword="false"/> at the end.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        int end = _rest.IndexOf((byte)0);
        IsTerminated = end >= 0;
        Current = IsTerminated ? _rest[..end] : _rest;
        _rest = IsTerminated ? _rest[(end + 1)..] : default;
        return true;
    }

    public readonly XenStoreStrings GetEnumerator() => this;
}
