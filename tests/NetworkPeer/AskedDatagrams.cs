using System.Net.Sockets;

namespace Xenlet.NetworkPeer;

/// <summary>Datagrams for a guest that has asked for them by one of its own.</summary>
internal static class AskedDatagrams
{
    /// <summary>Long, so that dom0's only processor saves and restores the guest meanwhile.</summary>
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(200);

    /// <summary>Sends until it is killed.</summary>
    /// <param name="port">Where the guest asks.</param>
    /// <param name="file">Has what to send, which may change.</param>
    public static async Task<int> RunAsync(int port, string file)
    {
        using UdpClient socket = new(port);
        UdpReceiveResult asked = await socket.ReceiveAsync();
        while (true)
        {
            await socket.SendAsync(await File.ReadAllBytesAsync(file), asked.RemoteEndPoint);
            await Task.Delay(s_rest);
        }
    }
}
