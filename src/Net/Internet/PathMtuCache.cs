using Xenlet.Net.Base;

namespace Xenlet.Net.Internet;

/// <summary>Destinations that packets of the link's size do not reach whole (RFC 1191, RFC 8201).</summary>
internal sealed class PathMtuCache
{
    /// <summary>How many destinations are remembered.</summary>
    public const int Capacity = 256;

    /// <summary>
    /// IPv4 packets are made no smaller than this for an error's sake, as on Linux: forged errors would make a transfer of tiny packets.
    /// Routers may cut what has to be smaller.
    /// </summary>
    public const int SmallestIPv4 = 552;

    /// <summary>After this time larger packets are tried again (RFC 1191, section 6.3).</summary>
    private const long Lifetime = 10 * StackTime.Minute;

    private readonly InternetLayer _layer;
    private readonly Dictionary<InternetAddress, (int Mtu, long Until)> _mtus = new();
    private readonly List<InternetAddress> _expired = [];
    private readonly StackTimer _timer;

    public PathMtuCache(InternetLayer layer)
    {
        _layer = layer;
        _timer = new StackTimer(Expire);
    }

    /// <summary>Sizes of links that are common (RFC 1191, section 7): routers of old do not tell theirs.</summary>
    private static ReadOnlySpan<int> Plateaus => [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, SmallestIPv4];

    /// <summary>The largest packet for a destination, when its link takes packets of <paramref name="linkMtu"/> bytes.</summary>
    public int Get(InternetAddress destination, int linkMtu) =>
        _mtus.Count > 0 && _mtus.TryGetValue(destination, out (int Mtu, long Until) entry) ? Math.Min(entry.Mtu, linkMtu) : linkMtu;

    /// <summary>Whether routers have to cut packets to this destination: the path takes less than we make them.</summary>
    public bool NeedsRouters(InternetAddress destination) => destination.IsIPv4 && _mtus.Count > 0
        && _mtus.TryGetValue(destination, out (int Mtu, long Until) entry) && entry.Mtu == SmallestIPv4;

    /// <summary>The size that an error means, within what is believed.</summary>
    /// <param name="told">What the error tells.</param>
    /// <param name="packetLength">The length of the packet that it quotes.</param>
    /// <param name="isIPv4">The family.</param>
    public static int Limit(int told, int packetLength, bool isIPv4)
    {
        if (!isIPv4)
        {
            return Math.Max(told, IpInterface.SmallestIPv6Mtu);
        }

        if (told == 0)
        {
            foreach (int plateau in Plateaus)
            {
                if (plateau < packetLength)
                {
                    return plateau;
                }
            }
        }

        return Math.Max(told, SmallestIPv4);
    }

    /// <summary>Takes a smaller size for a destination; a larger one is not believed.</summary>
    public void Lower(InternetAddress destination, int mtu)
    {
        if (mtu >= _layer.Output.PathMtu(destination) || (_mtus.Count == Capacity && !_mtus.ContainsKey(destination)))
        {
            return;
        }

        _mtus[destination] = (mtu, _layer.Clock.Now + Lifetime);
        if (!_timer.IsSet)
        {
            _layer.Timers.Set(_timer, _layer.Clock.Now + Lifetime);
        }

        _layer.ForEachTransport(transport => transport.OnMtuChanged(destination));
    }

    private void Expire()
    {
        long next = StackTime.Never;
        foreach ((InternetAddress destination, (int _, long until)) in _mtus)
        {
            if (until <= _layer.Clock.Now)
            {
                _expired.Add(destination);
            }
            else
            {
                next = Math.Min(next, until);
            }
        }

        foreach (InternetAddress destination in _expired)
        {
            _mtus.Remove(destination);
            _layer.ForEachTransport(transport => transport.OnMtuChanged(destination));
        }

        _expired.Clear();
        if (next != StackTime.Never)
        {
            _layer.Timers.Set(_timer, next);
        }
    }
}
