using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Xenlet.NetworkPeer;

/// <summary>Switches what Linux leaves to an interface, as ethtool -K does (linux/ethtool.h).</summary>
internal static unsafe partial class InterfaceFeatures
{
    // linux/sockios.h
    private const nuint SiocEthtool = 0x8946;

    // Segmentation needs what stands before it.
    private static readonly (uint Command, string Name)[] Features =
        [(0x17, "ETHTOOL_STXCSUM"), (0x19, "ETHTOOL_SSG"), (0x1F, "ETHTOOL_STSO"), (0x24, "ETHTOOL_SGSO")];

    public static int Set(string name, bool isOn)
    {
        int any = socket(2, 2, 0);
        uint* value = stackalloc uint[2];
        foreach ((uint command, string feature) in isOn ? Features : Features.Reverse())
        {
            (value[0], value[1]) = (command, isOn ? 1u : 0u);
            InterfaceRequest request = new() { Value = value };
            Encoding.ASCII.GetBytes(name, new Span<byte>(request.Name, 15));
            if (ioctl(any, SiocEthtool, &request) < 0)
            {
                throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{feature} of {name}");
            }
        }

        return 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int descriptor, nuint request, void* argument);

    /// <summary>The start of <c>struct ifreq</c> (linux/if.h), which has 40 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    private struct InterfaceRequest
    {
        public fixed byte Name[16];
        public void* Value;
    }
}
