using System.Net;
using System.Net.Sockets;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// What comes to port 7 by TCP goes back, in a program that blocks all threads of its pool, while another thread never waits. It never ends
/// by itself.
/// </summary>
internal static class BusyEchoCases
{
    private const int Port = 7;

    public static IEnumerable<Case> All => [new("echo-busy", Run)];

    private static void Run()
    {
        SocketStack stack = new(Guest.Sockets.Open(), SocketStackOptions.FromEnvironment() with { Report = Console.Error.WriteLine });
        stack.Start();
        _ = DomainServices.StartAsync(Guest.Machine, new() { Interfaces = new() { LinkUser = stack } }).AsTask().GetAwaiter().GetResult();
        using TcpListener listener = new(IPAddress.Any, Port);
        listener.Start();
        BlockedPool.BlockAll();
        System.Threading.Thread busy = new(static () =>
        {
            while (true)
            {
                System.Threading.Thread.SpinWait(1_000);
            }
        })
        {
            IsBackground = true,
        };
        busy.Start();
        Console.WriteLine("echo: ready");
        byte[] buffer = new byte[16_384];
        while (true)
        {
            using Socket client = listener.AcceptSocket();
            for (int length = client.Receive(buffer); length > 0; length = client.Receive(buffer))
            {
                client.Send(buffer.AsSpan(0, length));
            }
        }
    }
}
