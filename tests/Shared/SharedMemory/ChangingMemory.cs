using Thread = System.Threading.Thread;

namespace Xenlet.Tests.SharedMemory;

/// <summary>
/// Another domain that changes a shared page: at each turn it may change an index or anything else, and often changes it back at the next,
/// so that a checked value and a used value differ. Its changes follow from the seed.
/// </summary>
internal sealed unsafe class ChangingMemory
{
    private const int PageSize = 4096;

    private static readonly uint[] Telling =
    [
        0, 1, 2, 7, 8, 63, 64, 255, 256, 1023, 1024, 1025, 2048, 4095, 4096, 4097, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000,
        uint.MaxValue,
    ];

    private readonly Random _random;
    private readonly nint _page;
    private readonly nint[] _indexes;
    private readonly int _every;
    private readonly Lock _lock = new();
    private (nint Place, uint Value)? _before;
    private volatile nint _next;

    /// <param name="seed">Chooses what is done.</param>
    /// <param name="page">Address of a page, which does not move.</param>
    /// <param name="indexes">Addresses of the indexes that the other side has to write; one that is named twice changes more often.</param>
    public ChangingMemory(int seed, nint page, nint[] indexes)
    {
        _random = new Random(seed);
        _page = page;
        _next = page;
        _indexes = indexes;
        _every = 4 << (seed % 14);
    }

    /// <summary>Address of the 16 bytes that are read next, which change more often than the rest of the page.</summary>
    public nint Next
    {
        set => _next = value;
    }

    /// <summary>One turn, in which it mostly does nothing, so that the reader gets far.</summary>
    public void Turn()
    {
        lock (_lock)
        {
            if (_before is { } before && _random.Next(2) == 0)
            {
                Volatile.Write(ref *(uint*)before.Place, before.Value);
                _before = null;
            }
            else if (_random.Next(_every) == 0)
            {
                if (_random.Next(4) > 0)
                {
                    Advance();
                }
                else
                {
                    Change();
                }
            }
        }
    }

    /// <summary>Takes its turns on its own thread, beside the reader, until it is disposed of.</summary>
    public IDisposable OnThread() => new Scribbler(this);

    /// <summary>Moves an index as an honest domain might.</summary>
    private void Advance()
    {
        nint place = _indexes[_random.Next(_indexes.Length)];
        Volatile.Write(ref *(uint*)place, Volatile.Read(ref *(uint*)place) + (uint)_random.Next(1, 9));
    }

    private void Change()
    {
        nint place = _random.Next(5) switch
        {
            0 => _page + (_random.Next(PageSize / sizeof(uint)) * sizeof(uint)),
            1 or 2 => _indexes[_random.Next(_indexes.Length)],
            _ => _next + (_random.Next(4) * sizeof(uint)),
        };
        uint value = Volatile.Read(ref *(uint*)place);
        _before = (place, value);
        switch (_random.Next(4))
        {
            case 0:
                Volatile.Write(ref *(uint*)place, value + (uint)_random.Next(-8, 9));
                break;
            case 1:
                Volatile.Write(ref *(uint*)place, value + Telling[_random.Next(Telling.Length)]);
                break;
            case 2:
                // Half of a word, as a protocol's structures have them.
                Volatile.Write(ref ((ushort*)place)[_random.Next(2)], (ushort)Telling[_random.Next(Telling.Length)]);
                break;
            default:
                Volatile.Write(ref *(uint*)place, (uint)_random.NextInt64());
                break;
        }
    }

    private sealed class Scribbler : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _isOver;

        public Scribbler(ChangingMemory memory)
        {
            _thread = new Thread(() =>
            {
                while (!_isOver)
                {
                    memory.Turn();
                }
            });
            _thread.Start();
        }

        public void Dispose()
        {
            _isOver = true;
            _thread.Join();
        }
    }
}
