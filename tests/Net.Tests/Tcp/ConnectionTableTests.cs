using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>Many connections at once, more than the table of them begins with.</summary>
public sealed class ConnectionTableTests
{
    [Fact]
    public void Each_of_many_connections_is_in_the_table_until_its_own_end()
    {
        SimulatedNetwork network = new(1);
        TcpLayer tcp = network.Left.Tcp;
        List<TcpConnection> open = [.. Enumerable.Range(1, 300).Select(port => Connect(network, (ushort)port))];
        Assert.Equal(open.ToHashSet(), tcp.Connections.ToHashSet());

        for (int i = 0; open.Count > 0; i++)
        {
            int place = i * 7 % open.Count;
            open[place].Abort();
            open.RemoveAt(place);
            Assert.Equal(open.Count, tcp.Connections.Count);
            Assert.Equal(open.ToHashSet(), tcp.Connections.ToHashSet());
        }

        Assert.Equal(0, tcp.Ports.Count);
    }

    private static TcpConnection Connect(SimulatedNetwork network, ushort port)
    {
        Endpoint remote = new(network.Right.Address, port);
        Assert.Equal(TcpError.None, network.Left.Tcp.Connect(remote, new SimulatedUser(1, 1), null, null, out TcpConnection? connection));
        return connection!;
    }
}
