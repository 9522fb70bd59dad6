using System.Net;
using System.Net.Sockets;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>.NET's own sockets through the guest's TCP/IP stack, which has no interface.</summary>
internal static class StackCases
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static IEnumerable<Case> All => [new("sockets-without-an-interface", WithoutInterfaceAsync)];

    private static async Task WithoutInterfaceAsync()
    {
        AddressSettings settings = AddressSettings.From(new Dictionary<string, string> { ["XENLET_ADDRESS_LIMIT"] = "1" });
        using SocketStack stack = new(Guest.Sockets.Open(), new() { Addresses = settings, Report = Console.Error.WriteLine });
        stack.Start();

        // What waits for nothing: the guest itself.
        foreach (string address in (string[])["127.0.0.1", "127.9.8.7", "::1"])
        {
            await EchoAsync(IPAddress.Parse(address));
        }

        // What needs an address waits for one, and then says that there is no network.
        foreach (string remote in (string[])["192.0.2.1", "2001:db8::1"])
        {
            IPEndPoint peer = new(IPAddress.Parse(remote), 9);
            using TcpClient client = new(peer.AddressFamily);
            SocketException refused = await Check.ThrowsAsync<SocketException>(
                async () => await client.ConnectAsync(peer).WaitAsync(Limit));
            Check.Equal(SocketError.NetworkUnreachable, refused.SocketErrorCode);

            using UdpClient datagrams = new(peer.AddressFamily);
            refused = await Check.ThrowsAsync<SocketException>(
                async () => await datagrams.SendAsync("x"u8.ToArray(), peer).AsTask().WaitAsync(Limit));
            Check.Equal(SocketError.NetworkUnreachable, refused.SocketErrorCode);
        }

        Check.Equal(0L, stack.Faults);
    }

    private static async Task EchoAsync(IPAddress address)
    {
        using TcpListener listener = new(address, 0);
        listener.Start();
        using TcpClient client = new(address.AddressFamily);
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint).WaitAsync(Limit);
        using TcpClient accepted = await listener.AcceptTcpClientAsync().WaitAsync(Limit);
        using UdpClient server = new(new IPEndPoint(address, 0));
        using UdpClient sender = new(address.AddressFamily);
        sender.Connect((IPEndPoint)server.Client.LocalEndPoint!);

        byte[] buffer = new byte[5];
        await client.GetStream().WriteAsync("hello"u8.ToArray());
        await accepted.GetStream().ReadExactlyAsync(buffer).AsTask().WaitAsync(Limit);
        Check.That(buffer.AsSpan().SequenceEqual("hello"u8));
        await sender.SendAsync(buffer);
        Check.That((await server.ReceiveAsync().WaitAsync(Limit)).Buffer.AsSpan().SequenceEqual("hello"u8));
    }
}
