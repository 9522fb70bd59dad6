using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;
using Xenlet.Symbols;

namespace Xenlet.Guests;

/// <summary>
/// Copies a guest's console, and appends to every line that ends with a service's address, as ASP.NET Core says where it listens
/// (<c>Now listening on: http://[::]:8080</c>), the address at which this machine reaches the service.
/// </summary>
/// <param name="output">Receives the console; it is not disposed of with this.</param>
/// <param name="network">The guest's address: where a service listens on another one, on the loopback say, nobody here reaches it.</param>
internal sealed partial class ReachedAddressStream(Stream output, ForwardedNetwork network)
    : LineEndStream(output)
{
    /// <summary>The end of the line so far: more than any scheme, address and port have.</summary>
    private readonly byte[] _tail = new byte[64];

    private int _count;

    /// <summary>The ports of this machine that lead to the guest; none at first.</summary>
    public IReadOnlyList<PortForward> Ports { get; set; } = [];

    /// <inheritdoc/>
    protected override string? Words()
    {
        if (Ports.Count == 0)
        {
            return null;
        }

        Match match = Address().Match(Encoding.ASCII.GetString(_tail, 0, _count));
        if (!match.Success
            || (match.Groups["host"].Value is not ("[::]" or "0.0.0.0") && match.Groups["host"].Value != network.Guest.ToString())
            || !int.TryParse(match.Groups["port"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            || Ports.FirstOrDefault(forward => forward.GuestPort == port) is not { } reached)
        {
            return null;
        }

        string address = string.Create(CultureInfo.InvariantCulture, $"{match.Groups["scheme"].Value}://127.0.0.1:{reached.HostPort}");
        return $" ({address} on this machine)";
    }

    /// <inheritdoc/>
    protected override void Advance(byte value, bool endsLine)
    {
        if (endsLine)
        {
            _count = 0;
            return;
        }

        if (_count == _tail.Length)
        {
            _tail.AsSpan(1).CopyTo(_tail);
            _count--;
        }

        _tail[_count++] = value;
    }

    [GeneratedRegex(@"\b(?<scheme>https?)://(?<host>[^\s/]+):(?<port>[0-9]{1,5})$")]
    private static partial Regex Address();
}
