using System.Collections;

namespace Xenlet.Sockets;

/// <summary>
/// The stack's sockets by their numbers. They lie in parts, so that one that is added to thousands copies nothing and leaves no large array
/// to the collector.
/// </summary>
internal sealed class SocketSlots : IEnumerable<StackSocket>
{
    private const int PartLength = 512;

    private StackSocket?[]?[] _parts = new StackSocket?[]?[8];

    /// <summary>The socket with a number, or null.</summary>
    public StackSocket? this[int number]
    {
        get => number / PartLength < _parts.Length ? _parts[number / PartLength]?[number % PartLength] : null;
        set
        {
            int part = number / PartLength;
            if (part >= _parts.Length)
            {
                Array.Resize(ref _parts, Math.Max(part + 1, _parts.Length * 2));
            }

            StackSocket?[] slots = _parts[part] ??= new StackSocket?[PartLength];
            slots[number % PartLength] = value;
        }
    }

    public IEnumerator<StackSocket> GetEnumerator()
    {
        foreach (StackSocket?[]? part in _parts)
        {
            foreach (StackSocket? each in part ?? [])
            {
                if (each is not null)
                {
                    yield return each;
                }
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
