using Meshara.Mdns;

namespace Meshara.MdnsHost;

/// <summary>The example of src/Meshara.Mdns/README.md, word for word; a test compares them and runs it.</summary>
internal static class Example
{
    public static async Task RunAsync()
    {
        await using MdnsService mdns = await MdnsService.StartAsync();

        // Publish. Ends after about a second, when the name is proven to be free.
        await using ServicePublication mine = await mdns.PublishAsync(
            new ServiceProfile("Kitchen printer", "_ipp._tcp", 631) { Txt = TxtRecord.Create(("rp", "ipp/print")) });
        Console.WriteLine(mine.InstanceName);                    // "Kitchen printer (2)" if there is one already
        await mine.UpdateAsync(mine.Profile with { Port = 632 });

        // Find.
        await foreach (ServiceChange change in mdns.Browse("_ipp._tcp"))
            Console.WriteLine($"{change.Kind} {change.Instance.InstanceName} {string.Join(' ', change.Instance.EndPoints)}");
    }
}
