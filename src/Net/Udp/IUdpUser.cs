namespace Xenlet.Net;

/// <summary>
/// Who owns an endpoint of UDP: a socket, or a program that uses the stack alone. Called by the stack's thread; it must not wait.
/// </summary>
public interface IUdpUser
{
    /// <summary>Takes a datagram. False when there is no room for it: it is lost, and counted.</summary>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="data">Its data, until the call returns.</param>
    bool TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data);

    /// <summary>A datagram to the connected peer has come to nothing; Linux keeps this as SO_ERROR.</summary>
    void OnError(NetworkError reason);

    /// <summary>An error about a datagram, of an endpoint that asks for all of them (<see cref="UdpOptions.ReceivesErrors4"/>).</summary>
    /// <param name="report">What is told, and by whom.</param>
    /// <param name="payload">What is quoted of the datagram's data, until the call returns.</param>
    void OnErrorReport(in UdpErrorReport report, ReadOnlySpan<byte> payload) => OnError(report.Reason);

    /// <summary>There may be room for what was answered <see cref="NetworkError.WouldBlock"/>.</summary>
    void OnWritable();
}
