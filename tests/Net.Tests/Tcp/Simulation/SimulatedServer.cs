using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>A listening socket of a simulation.</summary>
internal sealed class SimulatedServer(int sendCapacity, int receiveCapacity) : ITcpListenUser
{
    public List<SimulatedUser> Accepted { get; } = [];

    public int Limit { get; set; } = 16;

    public bool HasRoom => Accepted.Count < Limit;

    public int ReceiveCapacity => receiveCapacity;

    public Action<SimulatedUser>? OnNew { get; set; }

    public ITcpUser? OnConnection(in Flow flow) => new SimulatedUser(sendCapacity, receiveCapacity);

    public void OnAccepted(ITcpUser user, TcpConnection connection)
    {
        SimulatedUser accepted = (SimulatedUser)user;
        accepted.Connection = connection;
        Accepted.Add(accepted);
        OnNew?.Invoke(accepted);
    }
}
