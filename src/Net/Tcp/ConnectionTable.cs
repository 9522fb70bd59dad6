using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Net.Tcp;

/// <summary>
/// The connections by their two ends. It is a hash table whose chains go through the connections themselves, since a service has thousands
/// of them: one more costs little more than a word, and a dictionary would keep a second copy of both ends.
/// </summary>
/// <param name="hash">A hash that nobody outside can foresee, so that no peer makes a long chain.</param>
internal sealed class ConnectionTable(KeyedHash hash) : IReadOnlyCollection<TcpConnection>
{
    private const int SmallestCapacity = 16;

    // On average.
    private const int ChainLength = 4;

    // A power of two of them.
    private TcpConnection?[] _chains = new TcpConnection?[SmallestCapacity];

    public int Count { get; private set; }

    /// <summary>The connection between two ends.</summary>
    public bool TryGet(in Flow flow, [NotNullWhen(true)] out TcpConnection? connection)
    {
        connection = ChainOf(flow);
        while (connection is not null && connection.Flow != flow)
        {
            connection = connection.NextInChain;
        }

        return connection is not null;
    }

    /// <summary>Adds a connection. There is none between the same ends.</summary>
    public void Add(TcpConnection connection)
    {
        if (Count == ChainLength * _chains.Length)
        {
            Grow();
        }

        Link(connection);
        Count++;
    }

    /// <summary>Removes a connection; false if it is not there.</summary>
    public bool Remove(TcpConnection connection)
    {
        ref TcpConnection? link = ref ChainOf(connection.Flow);
        while (link is not null && link != connection)
        {
            link = ref link.NextInChain;
        }

        if (link is null)
        {
            return false;
        }

        link = connection.NextInChain;
        connection.NextInChain = null;
        Count--;
        return true;
    }

    public IEnumerator<TcpConnection> GetEnumerator()
    {
        foreach (TcpConnection? first in _chains)
        {
            for (TcpConnection? each = first; each is not null; each = each.NextInChain)
            {
                yield return each;
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private ref TcpConnection? ChainOf(in Flow flow) => ref _chains[hash.PlaceOf(flow) & (_chains.Length - 1)];

    private void Link(TcpConnection connection)
    {
        ref TcpConnection? first = ref ChainOf(connection.Flow);
        connection.NextInChain = first;
        first = connection;
    }

    private void Grow()
    {
        TcpConnection[] all = [.. this];
        _chains = new TcpConnection?[_chains.Length * 2];
        foreach (TcpConnection each in all)
        {
            Link(each);
        }
    }
}
