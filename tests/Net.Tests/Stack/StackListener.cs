using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Stack;

/// <summary>Takes connections of a whole stack, and all that they bring.</summary>
internal sealed class StackListener : ITcpListenUser
{
    public StackListener(IpStack stack, ushort port)
    {
        Assert.Equal(TcpError.None, stack.Tcp.Bind(
            new Endpoint(InternetAddress.AnyIPv6, port), isDual: true, false, false, out TcpBinding? binding));
        Assert.Equal(TcpError.None, stack.Tcp.Listen(binding!, this, new TcpSettings(), 10, out _));
    }

    public bool HasRoom => true;

    public int ReceiveCapacity => 100_000;

    public List<SimulatedUser> Users { get; } = [];

    public long Received => Users.Sum(user => user.Received);

    public ITcpUser? OnConnection(in Flow flow)
    {
        SimulatedUser user = new(100_000, ReceiveCapacity);
        user.Arrived = () => user.Read(int.MaxValue);
        Users.Add(user);
        return user;
    }

    public void OnAccepted(ITcpUser user, TcpConnection connection) => ((SimulatedUser)user).Connection = connection;
}
