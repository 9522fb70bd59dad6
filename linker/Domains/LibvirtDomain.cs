using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Xenlet.Linker.Domains;

/// <summary>The domain for libvirt's libxl driver, in its format (https://libvirt.org/formatdomain.html).</summary>
internal static class LibvirtDomain
{
    /// <summary>The directory of an image without a path of its own: libvirt accepts only absolute paths.</summary>
    private const string Images = "/var/lib/xen/images/";

    /// <summary>The text of NAME.xml.</summary>
    public static string Format(DomainSettings settings)
    {
        string image = settings.ImagePath.Length > 0 ? settings.ImagePath : $"{Images}{settings.Program}.elf";
        XElement domain = new(
            "domain",
            new XAttribute("type", "xen"),
            new XElement("name", settings.Name),
            new XElement("memory", new XAttribute("unit", "MiB"), Number(settings.Memory)),
            new XElement("vcpu", Number(settings.VCpus)),
            new XElement(
                "os",
                new XElement("type", new XAttribute("arch", "x86_64"), new XAttribute("machine", "xenpvh"), "xenpvh"),
                new XElement("kernel", image),
                settings.CommandLine.Length > 0 ? new XElement("cmdline", settings.CommandLine) : null),
            new XElement(
                "clock",
                new XAttribute("offset", "utc"),
                new XElement("timer", new XAttribute("name", "tsc"), new XAttribute("mode", "native"))),
            new XElement("on_poweroff", "destroy"),
            new XElement("on_reboot", "restart"),
            new XElement("on_crash", "destroy"),
            new XElement("devices", settings.Disks.Select(Disk), settings.Interfaces.Select(Interface), Terminal()));
        string hint = $" Copy {settings.Program}.elf to {image} on the host: virsh -c xen:///system create {settings.Program}.xml ";

        // Two hyphens would end a comment.
        XDocument document = new(new XComment(hint.Replace("--", "- -", StringComparison.Ordinal)), domain);
        StringBuilder text = new();
        XmlWriterSettings layout = new() { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" };
        using (XmlWriter writer = XmlWriter.Create(text, layout))
        {
            document.Save(writer);
        }

        return text.Append('\n').ToString();
    }

    private static XElement Disk(DomainDisk disk)
    {
        bool isDevice = disk.Target.StartsWith("/dev/", StringComparison.Ordinal);
        return new XElement(
            "disk",
            new XAttribute("type", isDevice ? "block" : "file"),
            new XAttribute("device", "disk"),

            // Without a driver, libxl chooses one for a raw disk, as it does for xl.
            disk.Format == "raw"
                ? null
                : new XElement("driver", new XAttribute("name", "qemu"), new XAttribute("type", disk.Format)),
            new XElement("source", new XAttribute(isDevice ? "dev" : "file", disk.Target)),
            new XElement("target", new XAttribute("dev", disk.Device), new XAttribute("bus", "xen")),
            disk.IsReadOnly ? new XElement("readonly") : null);
    }

    private static XElement Interface(DomainInterface link) =>
        new(
            "interface",
            new XAttribute("type", "bridge"),
            link.Mac.Length > 0 ? new XElement("mac", new XAttribute("address", link.Mac.ToLowerInvariant())) : null,
            new XElement("source", new XAttribute("bridge", link.Bridge)));

    private static XElement Terminal() =>
        new("console", new XAttribute("type", "pty"), new XElement("target", new XAttribute("type", "xen"), new XAttribute("port", "0")));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
