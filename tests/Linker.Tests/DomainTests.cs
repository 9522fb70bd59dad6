using System.Xml.Linq;
using Xenlet.Linker.Domains;

namespace Xenlet.Linker.Tests;

/// <summary>The domain that a project asks for, as xl and as libvirt are told of it.</summary>
public sealed class DomainTests
{
    private static readonly string[] Lines =
    [
        "source\t/nowhere/guest.csproj",
        "Program\tguest",
        "XenletDomainName\tone-guest",
        "XenletImagePath",
        "XenletMemory\t64",
        "XenletVCpus\t2",
        "XenletCommandLine\tNAME='a b' \"say; it\"",
        "XenletDisk\t/nowhere/guest.csproj\txvda\t/dev/vg/a disk\t\t",
        "XenletDisk\t/nowhere/guest.csproj\txvdb\t/srv/b.qcow2\tqcow2\tro",
        "XenletInterface\t/nowhere/guest.csproj\txenbr0\t00:16:3E:01:02:03",
        "XenletInterface\t/nowhere/guest.csproj\txenbr0",
    ];

    [Fact]
    public void For_xl() =>
        Assert.Equal(
            """
            # Copy this file and guest.elf to a Xen host, and there, in the same directory: xl create -c guest.cfg
            name = "one-guest"
            type = "pvh"
            kernel = "guest.elf"
            cmdline = "NAME='a b' \"say; it\""
            memory = 64
            vcpus = 2
            tsc_mode = "native"
            disk = ["format=raw,vdev=xvda,access=rw,target=/dev/vg/a disk", "format=qcow2,vdev=xvdb,access=ro,target=/srv/b.qcow2"]
            vif = ["mac=00:16:3E:01:02:03,bridge=xenbr0", "bridge=xenbr0"]
            on_poweroff = "destroy"
            on_reboot = "restart"
            on_crash = "destroy"

            """,
            XlDomain.Format(Read(Lines)));

    [Fact]
    public void For_libvirt()
    {
        XElement expected = XElement.Parse("""
            <domain type="xen">
              <name>one-guest</name>
              <memory unit="MiB">64</memory>
              <vcpu>2</vcpu>
              <os>
                <type arch="x86_64" machine="xenpvh">xenpvh</type>
                <kernel>/var/lib/xen/images/guest.elf</kernel>
                <cmdline>NAME='a b' "say; it"</cmdline>
              </os>
              <clock offset="utc"><timer name="tsc" mode="native" /></clock>
              <on_poweroff>destroy</on_poweroff>
              <on_reboot>restart</on_reboot>
              <on_crash>destroy</on_crash>
              <devices>
                <disk type="block" device="disk"><source dev="/dev/vg/a disk" /><target dev="xvda" bus="xen" /></disk>
                <disk type="file" device="disk">
                  <driver name="qemu" type="qcow2" /><source file="/srv/b.qcow2" /><target dev="xvdb" bus="xen" /><readonly />
                </disk>
                <interface type="bridge"><mac address="00:16:3e:01:02:03" /><source bridge="xenbr0" /></interface>
                <interface type="bridge"><source bridge="xenbr0" /></interface>
                <console type="pty"><target type="xen" port="0" /></console>
              </devices>
            </domain>
            """);
        XElement domain = XDocument.Parse(LibvirtDomain.Format(Read(Lines))).Root!;
        Assert.True(XNode.DeepEquals(expected, domain), $"the domain for libvirt ought to be\n{expected}\nand is\n{domain}");
    }

    [Fact]
    public void A_path_of_its_own_is_said_to_both()
    {
        DomainSettings settings = Read([.. Lines, "XenletImagePath\t/srv/guests/it.elf"]);
        Assert.Contains("kernel = \"/srv/guests/it.elf\"\n", XlDomain.Format(settings), StringComparison.Ordinal);
        Assert.Contains("<kernel>/srv/guests/it.elf</kernel>", LibvirtDomain.Format(settings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_with_two_hyphens_ends_no_comment() =>
        Assert.NotNull(XDocument.Parse(LibvirtDomain.Format(Read([.. Lines, "Program\ta--b"]))).Root);

    [Fact]
    public void A_value_of_the_command_line_of_dotnet_stands_in_no_file_and_is_an_error_of_the_project()
    {
        SettingsReader.Read([.. Lines, "XenletMemory\tmuch"], out IReadOnlyList<SettingError> errors);
        Assert.Equal(
            "/nowhere/guest.csproj: error XENLET005: XenletMemory is 'much': a whole number (MiB) from 1 to 16777216 is needed",
            Assert.Single(errors).ToString());
    }

    [Theory]
    [InlineData("XenletMemory\t0")]
    [InlineData("XenletMemory\t16777217")]
    [InlineData("XenletMemory\t-16")]
    [InlineData("XenletVCpus\t129")]
    [InlineData("XenletDomainName\t42")]
    [InlineData("XenletDomainName\t")]
    [InlineData("XenletImagePath\timage.elf")]
    [InlineData("XenletCommandLine\ta\tb")]
    [InlineData("XenletCommandLine\t\"")]
    [InlineData("XenletTimeZones\tUTC;Europe/Berln")]
    [InlineData("XenletTimeZone\t/etc/passwd")]
    [InlineData("XenletDisk\t/f\thda\t/d")]
    [InlineData("XenletDisk\t/f\txvdc\t")]
    [InlineData("XenletDisk\t/f\txvdb\t/d")]
    [InlineData("XenletDisk\t/f\txvdc\t/d\tvmdk")]
    [InlineData("XenletDisk\t/f\txvdc\t/d\traw\tw")]
    [InlineData("XenletInterface\t/f\tbr,0")]
    [InlineData("XenletInterface\t/f\tbr0\t00:16:3e:01:02")]
    [InlineData("XenletInterface\t/f\tbr0\t00:16:3e:01:02:03")]
    public void What_no_domain_can_be_is_refused(string line)
    {
        SettingsReader.Read([.. Lines, line], out IReadOnlyList<SettingError> errors);
        Assert.Contains(line.Split('\t')[0], Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    private static DomainSettings Read(IEnumerable<string> lines)
    {
        DomainSettings settings = SettingsReader.Read(lines, out IReadOnlyList<SettingError> errors);
        Assert.Empty(errors);
        return settings;
    }
}
