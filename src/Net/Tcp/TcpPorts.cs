using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>Which local ports are held.</summary>
internal sealed class TcpPorts(RandomNumbers random)
{
    private readonly Dictionary<ushort, List<TcpBinding>> _ports = [];

    /// <summary>How many ports are held.</summary>
    public int Count => _ports.Count;

    /// <summary>Takes the binding's port; false when another holds it.</summary>
    public bool TryAdd(TcpBinding binding)
    {
        if (_ports.TryGetValue(binding.Local.Port, out List<TcpBinding>? held))
        {
            foreach (TcpBinding other in held)
            {
                if (other.ConflictsWith(binding))
                {
                    return false;
                }
            }
        }
        else
        {
            held = [];
            _ports.Add(binding.Local.Port, held);
        }

        held.Add(binding);
        return true;
    }

    /// <summary>Whether a listener may begin on a binding: with SO_REUSEADDR alone, one at a time.</summary>
    public bool CanListen(TcpBinding binding)
    {
        foreach (TcpBinding other in _ports[binding.Local.Port])
        {
            bool overlaps = binding.Covers(other.Local.Address) || other.Covers(binding.Local.Address);
            if (other != binding && other.IsListening && overlaps && !(other.CanReusePort && binding.CanReusePort))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One holder fewer; the last one gives the port back.</summary>
    public void Release(TcpBinding binding)
    {
        if (--binding.References > 0 || !_ports.TryGetValue(binding.Local.Port, out List<TcpBinding>? held))
        {
            return;
        }

        held.Remove(binding);
        if (held.Count == 0)
        {
            _ports.Remove(binding.Local.Port);
        }
    }

    /// <summary>A random port of the ephemeral range for which <paramref name="isFree"/> is true; 0 when there is none.</summary>
    public ushort ChooseEphemeral(Func<ushort, bool> isFree) => EphemeralPorts.Choose(random, isFree);

    /// <summary>Whether nobody holds a port but by connects that named none.</summary>
    public bool IsFreeForConnect(ushort port) =>
        !_ports.TryGetValue(port, out List<TcpBinding>? held) || held.TrueForAll(each => each.IsEphemeral);

    /// <summary>Whether nobody holds a port.</summary>
    public bool IsFree(ushort port) => !_ports.ContainsKey(port);
}
