using System.Reflection;
using Meshara.Configuration;
using Xunit;

namespace Meshara.Tests.Configuration;

public sealed class OptionTableTests
{
    private static readonly string[] Groups =
        [nameof(NodeOptions.Discovery), nameof(NodeOptions.Reputation), nameof(NodeOptions.Accept), nameof(NodeOptions.Limits), nameof(NodeOptions.Timeouts)];

    [Fact]
    public void All_PublicOptions_AreInIt() => Assert.Equal(Names().Order(StringComparer.Ordinal), OptionTable.All.Select(entry => entry.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Copy_EachOption_CarriesItsOwnValueAndNoOther()
    {
        NodeOptions a = new() { Mesh = "a" };
        foreach (OptionEntry entry in OptionTable.All.Where(e => e.IsReadable && e.Name != nameof(NodeOptions.Mesh)))
        {
            NodeOptions b = entry.Read([Another(entry, a)], a);

            Assert.False(entry.IsSame(a, b), entry.Name);
            Assert.Equal([entry.Name], OptionTable.All.Where(e => !e.IsSame(a, b)).Select(e => e.Name));
            Assert.Equal(entry.Name, OptionTable.All.Single(e => !e.IsSame(a, entry.Copy(b, a))).Name);
            Assert.True(entry.IsSame(b, entry.Copy(b, a)), entry.Name);
            Assert.True(entry.IsSecret || entry.Show(a) != entry.Show(b), entry.Name);
        }
    }

    [Fact]
    public void Show_Readable_IsReadBack()
    {
        NodeOptions a = new() { Mesh = "a" };
        foreach (OptionEntry entry in OptionTable.All.Where(e => e.IsReadable && !e.IsSecret && e.Show(a) != "none"))
        {
            NodeOptions read = entry.Read(entry.IsList ? entry.Show(a).Split(", ") : [entry.Show(a)], a);

            Assert.True(entry.IsSame(a, read), entry.Name);
        }
    }

    [Fact]
    public void Show_Passphrase_IsHidden() =>
        Assert.DoesNotContain("open sesame", OptionTable.Find("IdentityPassphrase")!.Show(new NodeOptions { Mesh = "m", IdentityPassphrase = "open sesame" }), StringComparison.Ordinal);

    // A value that the type allows and the option does not have.
    private static string Another(OptionEntry entry, NodeOptions options) =>
        new[] { "false", "true", "7", "7s", "h:7", "https://h/7", "Bootstrap", "Open", "Tls13", "ListenOnly" }.First(text =>
        {
            try
            {
                return !entry.IsSame(options, entry.Read([text], options));
            }
            catch (FormatException)
            {
                return false;
            }
        });

    private static IEnumerable<string> Names()
    {
        foreach (PropertyInfo property in Options(typeof(NodeOptions)))
        {
            if (Groups.Contains(property.Name))
            {
                foreach (PropertyInfo inner in Options(property.PropertyType))
                {
                    yield return $"{property.Name}.{inner.Name}";
                }
            }
        }

        foreach (PropertyInfo property in Options(typeof(NodeOptions)).Where(p => !Groups.Contains(p.Name) && p.Name != nameof(NodeOptions.OnStarting)))
        {
            yield return property.Name;
        }
    }

    private static IEnumerable<PropertyInfo> Options(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod?.IsPublic == true);
}
