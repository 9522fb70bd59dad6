using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>
/// The connections that were opened from one port of the switch. It grows to its limit and takes no memory for a packet. When it is full,
/// the oldest connection gives way that nobody has answered, or that has ended; without one, there is no new connection.
/// </summary>
/// <remarks>Lists of equal age keep what was seen last at their ends, so what is too old is at a beginning.</remarks>
internal sealed class ConnectionTable
{
    private const int None = -1;
    private const int FirstSize = 16;

    private readonly KeyedHash _hash;
    private readonly int _maximum;
    private readonly List[] _ages = new List[ConnectionAges.Count];
    private Slot[] _slots = [];
    private int[] _buckets = [];
    private int _free = None;

    /// <summary>Creates an empty table.</summary>
    /// <param name="hash">Nobody outside knows which connections share a place in the table.</param>
    /// <param name="maximum">The most connections.</param>
    public ConnectionTable(KeyedHash hash, int maximum)
    {
        _hash = hash;
        _maximum = maximum;
        Array.Fill(_ages, new(None, None));
    }

    /// <summary>The number of connections, those included that are too old and not yet removed.</summary>
    public int Count { get; private set; }

    /// <summary>Finds a connection.</summary>
    /// <param name="protocol">What it carries.</param>
    /// <param name="flow">Its ends, the opener's as the local one.</param>
    /// <param name="peer">The other port.</param>
    /// <param name="now">The time, in nanoseconds.</param>
    /// <returns>Its index, or -1.</returns>
    public int Find(byte protocol, in Flow flow, uint peer, long now)
    {
        if (Count == 0)
        {
            return None;
        }

        uint hash = (uint)_hash.Of(flow, protocol, peer);
        for (int i = _buckets[hash & (_buckets.Length - 1)]; i != None; i = _slots[i].Next)
        {
            ref Connection one = ref _slots[i].Connection;
            if (_slots[i].Hash == hash && one.Peer == peer && one.Protocol == protocol && one.Flow == flow)
            {
                if (now - one.SeenAt < ConnectionAges.Lifetime(one.Age))
                {
                    return i;
                }

                Remove(i);
                return None;
            }
        }

        return None;
    }

    /// <summary>A connection by its index, until the next one is added or removed.</summary>
    public ref Connection this[int index] => ref _slots[index].Connection;

    /// <summary>Adds a connection that is not there.</summary>
    /// <returns>False if there are too many.</returns>
    public bool TryAdd(in Connection connection)
    {
        if (_free == None && !TryMakeRoom(connection.SeenAt))
        {
            return false;
        }

        int index = _free;
        ref Slot slot = ref _slots[index];
        _free = slot.Next;
        slot.Connection = connection;
        slot.Hash = (uint)_hash.Of(connection.Flow, connection.Protocol, connection.Peer);
        Link(index);
        Append(index);
        Count++;
        return true;
    }

    /// <summary>Notes that a packet of a connection has come.</summary>
    public void Touch(int index, ConnectionAge age, long now)
    {
        Unlink(index);
        _slots[index].Connection.Age = age;
        _slots[index].Connection.SeenAt = now;
        Append(index);
    }

    /// <summary>Forgets a connection.</summary>
    public void Remove(int index)
    {
        Unlink(index);
        ref int next = ref _buckets[_slots[index].Hash & (_buckets.Length - 1)];
        while (next != index)
        {
            next = ref _slots[next].Next;
        }

        next = _slots[index].Next;
        _slots[index] = new() { Next = _free };
        _free = index;
        Count--;
    }

    private bool TryMakeRoom(long now)
    {
        int oldest = None;
        for (int age = 0; age < _ages.Length; age++)
        {
            while (_ages[age].First is not None and int first
                && now - _slots[first].Connection.SeenAt >= ConnectionAges.Lifetime((ConnectionAge)age))
            {
                Remove(first);
            }

            if (_free != None)
            {
                return true;
            }

            if (ConnectionAges.IsExpendable((ConnectionAge)age) && _ages[age].First is not None and int candidate
                && (oldest == None || _slots[candidate].Connection.SeenAt < _slots[oldest].Connection.SeenAt))
            {
                oldest = candidate;
            }
        }

        if (_slots.Length < _maximum)
        {
            Grow();
        }
        else if (oldest != None)
        {
            Remove(oldest);
        }

        return _free != None;
    }

    private void Grow()
    {
        int used = _slots.Length;
        Array.Resize(ref _slots, Math.Min(_maximum, Math.Max(FirstSize, used * 2)));
        _buckets = new int[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)_slots.Length)];
        Array.Fill(_buckets, None);
        for (int i = 0; i < used; i++)
        {
            Link(i);
        }

        for (int i = _slots.Length - 1; i >= used; i--)
        {
            _slots[i].Next = _free;
            _free = i;
        }
    }

    private void Link(int index)
    {
        ref int bucket = ref _buckets[_slots[index].Hash & (_buckets.Length - 1)];
        _slots[index].Next = bucket;
        bucket = index;
    }

    private void Append(int index)
    {
        ref Slot slot = ref _slots[index];
        ref List list = ref _ages[(int)slot.Connection.Age];
        slot.Newer = None;
        slot.Older = list.Last;
        if (list.Last == None)
        {
            list.First = index;
        }
        else
        {
            _slots[list.Last].Newer = index;
        }

        list.Last = index;
    }

    private void Unlink(int index)
    {
        ref Slot slot = ref _slots[index];
        ref List list = ref _ages[(int)slot.Connection.Age];
        if (slot.Older == None)
        {
            list.First = slot.Newer;
        }
        else
        {
            _slots[slot.Older].Newer = slot.Newer;
        }

        if (slot.Newer == None)
        {
            list.Last = slot.Older;
        }
        else
        {
            _slots[slot.Newer].Older = slot.Older;
        }
    }

    private struct Slot
    {
        public Connection Connection;
        public uint Hash;

        /// <summary>The next one of the same bucket, or the next free one.</summary>
        public int Next;

        public int Older;
        public int Newer;
    }

    private record struct List(int First, int Last);
}
