using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Stack;

/// <summary>Opens connections of a whole stack.</summary>
internal static class StackUser
{
    public static SimulatedUser Connect(TestHost host, string address, ushort port, out TcpError error, TcpSettings? settings = null)
    {
        SimulatedUser user = new(100_000, 100_000);
        user.Arrived = () => user.Read(int.MaxValue);
        error = host.Stack.Tcp.Connect(
            new Endpoint(TestNetwork.Parse(address), port), user, null, settings, out TcpConnection? connection);
        user.Connection = connection;
        return user;
    }
}
