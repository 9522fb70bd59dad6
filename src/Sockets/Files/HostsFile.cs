using System.Text;
using Xenlet.Net;

namespace Xenlet.Sockets.Files;

/// <summary>/etc/hosts: this host, and by its own name the addresses that others reach it by.</summary>
internal sealed class HostsFile(IpStack stack)
{
    public string Write()
    {
        StringBuilder text = new("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
        bool hasAddress = false;
        foreach (IpInterface each in stack.Interfaces)
        {
            foreach (InterfaceAddress address in each.Addresses)
            {
                if (address.IsUsable && !address.Address.IsIPv6LinkLocal)
                {
                    text.Append(address.Address).Append(' ').Append(Environment.MachineName).Append('\n');
                    hasAddress = true;
                }
            }
        }

        if (!hasAddress)
        {
            // As Debian has it for a host whose address is not known.
            text.Append("127.0.1.1 ").Append(Environment.MachineName).Append('\n');
        }

        return text.ToString();
    }
}
